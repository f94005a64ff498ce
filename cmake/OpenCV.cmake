# opencv_core, opencv_imgproc, opencv_imgcodecs from Debian's single packages: OpenCVConfig.cmake comes only with the metapackage
# libopencv-dev, which brings VTK, Qt and GDAL headers along.
find_path(OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(part core imgproc imgcodecs)
  find_library(OPENCV_${part} opencv_${part} REQUIRED)
  add_library(opencv_${part} UNKNOWN IMPORTED)
  set_target_properties(opencv_${part} PROPERTIES IMPORTED_LOCATION ${OPENCV_${part}} INTERFACE_INCLUDE_DIRECTORIES ${OPENCV_INCLUDE})
endforeach()
